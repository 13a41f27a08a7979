"""How well analyses fit labelled captures, and a swarm of captures with known truth."""
