/** A text that clears the screen and turns the direction of writing around. */
export const steeringText = '\u001b[2J\u202e'

/** What of it must not reach a terminal. */
export const steeringCharacters = /[\u001b\u202e]/
