"""Decoders of upstream answers, one file each."""
