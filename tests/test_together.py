"""Threads whose pictures go through the network together."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from pictures import scene

from inpaint.images import Picture
from inpaint.inference.batching import Group
from inpaint.inference.inpainter import Inpainter
from inpaint.models.unet import PConvUNet, UNetConfig


class Mean:
    """A network that fills with a picture's mean, and remembers the shapes it has seen."""

    def __init__(self):
        self.shapes = []

    def __call__(self, image, valid):
        assert len(image) == len(valid)
        self.shapes.append(tuple(image.shape))
        return image.mean((1, 2, 3), keepdim=True).expand_as(image)


def answers(network, inputs, **options):
    """What each of as many threads gets for its list of inputs, or its error."""
    group = Group(network, len(inputs), **options)

    def work(images, seat):
        try:
            return [seat(image, image[:, :1]) for image in images]
        except RuntimeError as error:
            return error
        finally:
            seat.leave()

    with ThreadPoolExecutor(len(inputs)) as pool:
        return list(pool.map(work, inputs, group.seats))


def image(value, *size):
    return torch.full((1, 3, *size), float(value))


def test_inputs_of_one_size_are_one_batch_and_each_thread_gets_its_own():
    network = Mean()
    inputs = [[image(k, 8, 8), image(k + 10, 8, 9)] for k in range(5)]
    for k, (first, second) in enumerate(answers(network, inputs)):
        assert torch.equal(first, image(k, 8, 8)) and torch.equal(second, image(k + 10, 8, 9))
    assert network.shapes == [(5, 3, 8, 8), (5, 3, 8, 9)]


def test_batches_follow_from_the_inputs_alone():
    inputs = [[image(1, 8, 8)], [image(2, 8, 8), image(3, 8, 8)], [], [image(4, 9, 9)] * 3]
    for _ in range(20):
        network = Mean()
        answers(network, inputs)
        expected = [(1, 3, 8, 8), (1, 3, 9, 9), (1, 3, 9, 9), (1, 3, 9, 9), (2, 3, 8, 8)]
        assert sorted(network.shapes) == expected


def test_failure_of_one_is_not_that_of_the_others():
    def network(image, valid):
        if (image == 2).any():
            raise RuntimeError("two")
        return image

    first, second, third = answers(network, [[image(k, 8, 8)] for k in (1, 2, 3)])
    assert str(second) == "two"
    assert torch.equal(first[0], image(1, 8, 8)) and torch.equal(third[0], image(3, 8, 8))


def test_network_for_one_at_a_time_gets_no_batches_and_one_turn():
    network, turns = Mean(), []

    class Turn:
        def __enter__(self):
            turns.append("taken")

        def __exit__(self, *_):
            turns.append("given")

    network.one_at_a_time = True
    answers(network, [[image(k, 8, 8)] for k in range(3)], turn=Turn())
    assert network.shapes == [(1, 3, 8, 8)] * 3
    assert turns == ["taken", "given"]


@pytest.fixture(scope="module")
def inpainter():
    torch.manual_seed(0)
    return Inpainter(PConvUNet(UNetConfig(widths=(8, 16), kernels=(5, 3))))


def pairs():
    """Pictures of several sizes and kinds, with holes that take one and several regions."""
    for number in range(7):
        height, width = (150, 200) if number % 2 else (64, 90)
        pixels = np.roll(scene(height, width), 7 * number, 1)
        hole = np.zeros((height, width), bool)
        hole[10:30, 5 * number : 5 * number + 20] = True
        if number % 3 == 0:
            hole[-8:, -12:] = True
        yield Picture(pixels[..., 0].copy() if number == 4 else pixels), hole


def test_pictures_filled_together_are_those_filled_alone(inpainter):
    # The network alone: the steps after it end, or choose between sources, by the last bit.
    inpainter = Inpainter(inpainter.network, reach=inpainter.reach, edges=False, detail="off")
    several = list(pairs())
    together = inpainter.fill_pictures(several)
    for (picture, hole), filled in zip(several, together, strict=True):
        alone = inpainter.fill_picture(picture, hole)
        np.testing.assert_array_equal(filled.pixels[~hole], picture.pixels[~hole])
        # Sums in another order: a value in the middle between two integers may go either way.
        np.testing.assert_allclose(filled.pixels.astype(int), alone.pixels, atol=1)
        assert (filled.pixels != alone.pixels).mean() < 1e-3
    again = inpainter.fill_pictures(several)
    assert all((a.pixels == b.pixels).all() for a, b in zip(together, again, strict=True))
    assert inpainter.fill_pictures([]) == []
    (alone,) = inpainter.fill_pictures(several[:1])
    np.testing.assert_array_equal(alone.pixels, inpainter.fill_picture(*several[0]).pixels)


def test_wrong_hole_among_pictures_is_raised_and_stops_no_thread(inpainter):
    several = list(pairs())
    several[2] = (several[2][0], np.zeros((3, 3), bool))
    before = set(threading.enumerate())  # of other tests and libraries among them
    with pytest.raises(ValueError, match="hole must be"):
        inpainter.fill_pictures(several)
    assert set(threading.enumerate()) <= before
