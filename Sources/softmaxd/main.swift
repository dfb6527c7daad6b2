// Nothing more may stand here: a closure written in this file becomes the main actor's, and would trap on the first
// queue that calls it.
Program.run()
