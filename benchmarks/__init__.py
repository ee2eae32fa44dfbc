"""What the gateway costs, as ratios: `benchmarks.ratio` over the wire, `benchmarks.inside` in process; and counted, `benchmarks.budget`."""
