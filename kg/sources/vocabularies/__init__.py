"""What several sources need to know of other people's words: Biolink's, licences', references'."""
