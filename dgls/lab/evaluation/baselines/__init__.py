"""Systems without a neural network: what a model must beat to be worth its weight."""
