"""Brings people in: the queue, what an agent may do with a chat, and the console in which he does it.

The desk and the bot never call each other. Both write to the conversation log and both listen to it; who may answer is
the conversation's `control`, and only `transcripts.control` knows which changes are legal.
"""
