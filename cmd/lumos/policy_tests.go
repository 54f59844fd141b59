package main

type policyTestCmd struct{}

func (c *policyTestCmd) Run(s streams) error { return errNo }
