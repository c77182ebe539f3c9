"""The demo: an account of a bike rental with its bot and four people, a page that carries the widget, and a mailbox.

Demo mode is for loopback: whoever reaches the machine can read every mail that it sent.
"""
