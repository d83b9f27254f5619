"""A picture of a digit → MNIST's 28×28 form: shared by service, training and generated data."""
