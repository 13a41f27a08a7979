"""The shipped captures, against what is known about them."""
