"""What is learnt from patients, and kept without them.

A tour. A ``cohort`` is what was recorded of patients, without identity, and which of it may be seen
when. ``learning`` fits the parts that ``collaborative`` holds: which drugs a situation calls for,
factors of drugs that go together, and ``counts``; ``combination`` weighs them beside the graph.
``privacy`` makes factors with a guarantee of differential privacy.
"""
