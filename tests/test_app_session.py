"""What the page keeps of a visitor: fills with their candidates, sessions, photos."""

import numpy as np
import pytest
from app_server import box_hole, filled_with, photo_file
from pictures import scene

from inpaint.app.photos import Photos
from inpaint.app.session import MAX_STEPS, MOST_CANDIDATES, Patch, Session
from inpaint.app.sessions import SESSION_SECONDS, SessionGone, Sessions
from inpaint.images import ImageData, read_image


def session_of(size):
    return Session("photo.png", "photo.png", size)


@pytest.mark.parametrize("channels", [1, 3])
def test_photo_after_any_count_of_fills_can_be_had(channels):
    source = ImageData(scene(40, 50, channels).squeeze())
    session, pictures = session_of((40, 50)), [source]
    for value in range(3):
        hole = box_hole((40, 50), 5 * value, 5 * value + 8, 3, 30)
        pictures.append(filled_with(pictures[-1], hole, value))
        session = session.filled(Patch.between(hole, pictures[-1].pixels), value)
    for fills, picture in enumerate(pictures):
        np.testing.assert_array_equal(session.image(source, fills).pixels, picture.pixels)
    for wrong in (-1, 4):
        with pytest.raises(ValueError, match="fills must be 0 or 1 to 3"):
            session.image(source, wrong)


def test_fill_after_an_undone_one_takes_its_place():
    source, hole = ImageData(scene(40, 50)), box_hole((40, 50), 5, 9, 5, 9)
    session = session_of((40, 50))
    for fills, value in ((0, 1), (1, 2), (1, 3)):
        patch = Patch.between(hole, filled_with(source, hole, value).pixels)
        session = session.filled(patch, fills)
    assert session.fills == 2
    np.testing.assert_array_equal(session.image(source, 2).pixels[hole], 3)
    np.testing.assert_array_equal(session.image(source, 1).pixels[hole], 1)


def test_history_is_bounded_and_the_picture_is_still_right():
    source = picture = ImageData(scene(40, 50))
    session = session_of((40, 50))
    for i in range(MAX_STEPS + 5):
        hole = box_hole((40, 50), i, i + 4, 2 * i % 40, 2 * i % 40 + 6)
        picture = filled_with(picture, hole, i)
        session = session.filled(Patch.between(hole, picture.pixels), i)
    assert len(session.steps) == MAX_STEPS and session.joined == 5
    np.testing.assert_array_equal(session.image(source, MAX_STEPS + 5).pixels, picture.pixels)
    assert session.image(source, 0) is source
    with pytest.raises(ValueError, match="fills must be 0 or 6 to 25, got 5"):
        session.image(source, 5)


def test_candidates_of_a_fill_take_its_place_when_they_are_chosen():
    source, hole = ImageData(scene(40, 50)), box_hole((40, 50), 5, 9, 5, 9)
    session = session_of((40, 50))

    def patch(value):
        return Patch.between(hole, filled_with(source, hole, value).pixels)

    session = session.filled(patch(10), 0, seed=0)
    for seed in range(1, MOST_CANDIDATES + 1):
        session = session.with_candidate(patch(10 + seed), 0, seed=seed)
    np.testing.assert_array_equal(session.image(source, 1).pixels[hole], 10)
    assert session.nbytes == MOST_CANDIDATES * patch(0).nbytes  # the chosen one and the latest
    session = session.filled(patch(50), 1).choosing(1, MOST_CANDIDATES)
    np.testing.assert_array_equal(session.image(source, 1).pixels[hole], 10 + MOST_CANDIDATES)
    assert session.fills == 1
    with pytest.raises(ValueError, match=r"seed must be one of \[0, 2, 3, 4\], got 1"):
        session.choosing(1, 1)
    for number in (0, 2):
        with pytest.raises(ValueError, match=r"the number of a fill|fills must be"):
            session.choosing(number, 0)
    with pytest.raises(ValueError, match="fills must be 0 or 1 to 1, got 2"):
        session.with_candidate(patch(0), 1, seed=0)


def test_sessions_end_when_they_are_not_used_or_take_too_much():
    now = [0.0]
    sessions = Sessions(most=3, most_bytes=2000, clock=lambda: now[0])
    tokens = [sessions.add(session_of((40, 50))) for _ in range(3)]
    assert len(set(tokens)) == 3 and min(map(len, tokens)) >= 32
    sessions.get(tokens[0])
    tokens.append(sessions.add(session_of((40, 50))))
    with pytest.raises(SessionGone):
        sessions.get(tokens[1])  # the one that was not used for longest
    hole = box_hole((40, 50), 0, 20, 0, 20)
    patch = Patch.between(hole, scene(40, 50))
    sessions.update(tokens[3], lambda session: session.filled(patch, 0))
    assert sessions.get(tokens[3]).nbytes == patch.nbytes == 1600
    sessions.update(tokens[0], lambda session: session.filled(patch, 0))
    with pytest.raises(SessionGone):
        sessions.get(tokens[3])
    now[0] += SESSION_SECONDS + 1
    with pytest.raises(SessionGone):
        sessions.get(tokens[0])
    with pytest.raises(SessionGone):
        sessions.update(tokens[0], lambda session: session)
    with pytest.raises(SessionGone):
        sessions.get(tokens[0])


def test_photos_are_kept_as_far_as_there_is_room_and_while_their_files_are_there(tmp_path):
    read = []
    photos = Photos(lambda path: read.append(path) or read_image(path), most_bytes=80_000)
    a, b, c = (photo_file(tmp_path / f"{name}.png") for name in "abc")  # 37 kB each
    for path in (a, b, a, a, c, a, b):
        photos.get(path)
    assert read == [a, b, c, b]
    photos.forget(b)
    photos.get(b)
    assert read == [a, b, c, b, b]
    b.unlink()
    with pytest.raises(FileNotFoundError):
        photos.get(b)
