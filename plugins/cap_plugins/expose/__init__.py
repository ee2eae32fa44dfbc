"""Exposure types, one package each."""
