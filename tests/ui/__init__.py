"""Tests of the screen, on a scripted session."""
