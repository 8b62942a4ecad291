"""tastytrade's REST interface and account streamer, in front of the simulated broker."""
