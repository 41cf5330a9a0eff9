"""Tests of Headworks; `make test` runs them all."""
