"""Search over sealed transcripts: the searcher's scope is decrypted and looked through, newest first (SECURITY 3.2 E).

Nothing is added to what is stored: there is no index of words, and what was searched for is kept nowhere. The plain
fields (bot, time, who has control) narrow the scope first; an e-mail address is looked up by its keyed token.
"""

from transcripts.search.doors import SearchDoors
from transcripts.search.query import HELP, Query, parse
from transcripts.search.scan import Found, Search, Sight

__all__ = ["HELP", "Found", "Query", "Search", "SearchDoors", "Sight", "parse"]
