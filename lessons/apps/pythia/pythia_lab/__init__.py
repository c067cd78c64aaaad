"""The Pythia lab as a Flower app."""
