"""Exposure types, one package each: `rest` and `mcp`, which import nothing of each other."""
