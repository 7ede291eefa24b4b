"""Systems without a neural network, which a model must beat."""
