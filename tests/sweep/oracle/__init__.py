"""What a document means, worked out a second time: from its YAML and the rules alone, with nothing of the engine.

`document` reads, `callee` decides which operation a call means, `inputs` what a caller gives and where each value
lands, `verdict` what cannot be served, and `upstream` the request that has to arrive.
"""
