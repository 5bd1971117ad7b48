"""What every token has used and still holds: reserve before sending, settle with what is learnt, release the rest."""
