"""A local stand-in for Microsoft Graph: the addresses that the poller asks, over an invented directory.

It keeps to what Graph does and refuses: pages of 100 at most, one `$expand` in a request, 20 members of an expanded
list, delta tokens that grow too old, throttling with `Retry-After`. Faults are added by the test.
"""
