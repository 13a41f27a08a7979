"""Tests of carpscope.auth."""
