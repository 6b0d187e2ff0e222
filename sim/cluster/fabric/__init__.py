"""Inside a network: the graph as arrays, routes, fair shares, and the traffic of collectives."""
