"""What the gateway costs: as ratios over the wire (`ratio`), as times in process (`inside`), and counted (`budget`)."""
