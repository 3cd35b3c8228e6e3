@rem npm scripts begin with "exec", so that signals reach them; cmd.exe, which has no such word, finds this file.
@%*
