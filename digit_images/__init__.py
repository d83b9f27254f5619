"""A picture of a digit → MNIST's 28×28 form: shared by the service and by generated data."""
