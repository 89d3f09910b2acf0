"""Generated facilitation trials whose true effect is known, in five scenarios."""
