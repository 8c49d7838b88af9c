"""The graph as networkx sees it, without a copy.

A tour. ``columns`` is one homogeneous adjacency in arrays: of a selection of the graph, or of any
networkx graph; ``walk`` holds the breadth-first searches over it; ``view`` dresses it as a
read-only ``networkx.Graph`` or ``DiGraph``; ``backend`` answers the functions that networkx sends
here, on the columns; ``info`` tells networkx about it. Begin with
:func:`kg.convert.to_nx_view`. Only ``view`` and ``backend`` import networkx.
"""
