"""What carries the house: sealed records, keys, live signals, mail, jobs, the web frame, clock and ids.

Nothing in here knows what a conversation, a bot or a person is. Every package above may import this one; it imports none
of them.
"""
