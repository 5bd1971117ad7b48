"""The vault: everything that must stay secret or unforged, sealed under one passphrase. Pure, except the lender."""
