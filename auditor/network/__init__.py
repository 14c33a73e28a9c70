"""Decide network questions exactly, on sets of packets. A library: it knows no fact, no rule, no baseline table.

A packet is (source, destination, protocol, source port, destination port); sets of addresses and ports are in
`azure.ranges` and `azure.addresses`. In reading order:

1. What is asked. `security_rules` and `security_groups` read groups as ARM spells them; `address_book` says which
   addresses their tags and application security groups mean at a subnet; `filter_chain` is the filters that traffic
   meets between two ends.
2. Deciding. `decision_diagram` holds sets of packets; `meaning` is what a rule matches where it stands; `encoding` cuts
   addresses and ports into atomic sets and writes a chain's rules in them; `outline` is what of that decides, without
   names, and `packet_outcomes` what may become of a packet. `packet_cells` decides questions by one bit for each cell
   where those are few, and `drawing` by diagrams where they are many or somebody wants to see the packets: which rule
   decides about each, what passes beyond a table, what of it is denied, what a default lets through. `likeness` finds
   the drawing that a chain shares with others that are alike.
   `search` asks, and `trace` names the rules that decide; `proof` answers yes, no or unknown whatever the unknown tags
   hold; `shadowing` finds rules without effect.
3. Telling. `witness` picks an example; `cover` finds few cubes for a set, `describe` puts them in words, `verdicts`
   joins what several chains answer.
4. An estate. `routes` reads a subnet's routes and finds the longest prefix, `virtual_networks` reads what surrounds a
   subnet, `subnets` what filters its traffic. `next_hops` finds what holds a next hop's address, `firewall` reads what
   an Azure Firewall lets through, `ways_out` by what packets leave for the Internet, `default_routes` whether any from
   or to there take a default route. `forwarding` follows packets over all of these; `endpoints` finds what a name
   stands for, `reachability` decides who reaches whom.
"""
