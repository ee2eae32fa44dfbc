"""What the gateway costs, as ratios: `python -m benchmarks.ratio` over the wire, `python -m benchmarks.inside` within."""
