/*
 * A port for a program that is to have the same one in all its runs. It is
 * below those that the kernel gives to clients: one of them would take it while
 * the program is away.
 */
#pragma once

/* A port on which nothing listens, nor on the next one. */
int free_port(void);
