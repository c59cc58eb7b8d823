// SPDX-License-Identifier: GPL-2.0-only
/* Histories that libFuzzer makes up, in search of code not yet reached */
#include "history.c"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	boot();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size <= LONGEST)
		history_of(input, size, 0);
	return 0;
}
