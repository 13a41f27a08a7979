"""Tests of carpscope.core."""
