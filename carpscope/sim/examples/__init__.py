"""Scenarios that come with the program: `carpscope simulate --example NAME`."""
