// Package templates holds every text that people read: the comment on a pull request, the check
// runs, the replies to commands, the threads, the reports for the terminal, SARIF and
// Code Quality, and Markdown as safe HTML.
//
// It turns facts into words and does nothing else: no I/O, no clock, no decision. The same facts
// give the same bytes, which is how an unchanged comment is known to need no write. It may import
// the types of the facts (forge, policy, approval, releases) and never an adapter, net/http or bot.
//
// What comes from a manifest, a comment, a login or a policy is untrusted where it is shown. It
// reaches a page only as [Inert] code, or as prose in which everything but plain words is such code.
// The .tmpl files lay out values of type md alone, which only those two functions and our own
// vocabulary make; a test keeps it so.
package templates
