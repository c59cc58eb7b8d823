// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel of a tiny guest: a multiboot image that writes a word to each 16 bytes of
 * its memory from 2 MiB to 60 MiB, reads all of them back, and ends QEMU through
 * isa-debug-exit, with status 33 if every word was right.
 */
#define FIRST	0x200000u
#define LAST	0x3c00000u

asm(".globl _start\n"
    "	.long 0x1badb002, 0, -0x1badb002\n"
    "_start:\n"
    "	mov $0x80000, %esp\n"
    "	call fill\n");

static unsigned int pattern(volatile unsigned int *word)
{
	return (unsigned int)word * 2654435761u;
}

__attribute__((used)) static void fill(void)
{
	volatile unsigned int *word;
	unsigned int wrong = 0;

	for (word = (void *)FIRST; word < (unsigned int *)LAST; word += 4)
		*word = pattern(word);
	for (word = (void *)FIRST; word < (unsigned int *)LAST; word += 4)
		wrong += *word != pattern(word);
	asm volatile("outl %0, %1" : : "a"(wrong ? 1 : 16), "d"(0xf4));
	for (;;)
		;
}
