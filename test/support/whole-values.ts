import { config } from 'chai'

// what failed once in a night is told once: with all that was expected, and all that was there
config.truncateThreshold = 0
