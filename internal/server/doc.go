// Package server is the door: it takes in webhooks, says whether the bot is well, and shows metrics
// and events to those who may reach the second listener.
//
// A webhook is read within limits, its signature verified before anything in it is looked at, and
// answered 202 only when its wakes are on disk. What it means, the caller says through an Intake:
// the package knows no code host, and imports queue for its types and no other room.
package server
