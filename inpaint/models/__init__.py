"""Networks of partial convolutions: the layer, the U-Net, the refiner."""
