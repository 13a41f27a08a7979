"""Tests of carpscope.wire."""
