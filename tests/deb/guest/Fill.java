// SPDX-License-Identifier: GPL-2.0-only
/** Fills most of the heap, lets the collector move it, and checks every number. */
public class Fill {
	private static final int ARRAYS = 40, NUMBERS = 1 << 18;

	public static void main(String[] args) {
		int[][] data = new int[ARRAYS][];
		for (int i = 0; i < ARRAYS; i++) {
			data[i] = new int[NUMBERS];
			for (int j = 0; j < NUMBERS; j++)
				data[i][j] = i * NUMBERS + j;
			if (i % 2 == 1)
				data[i - 1] = data[i - 1].clone();
		}
		System.gc();
		long sum = 0;
		for (int[] array : data)
			for (int number : array)
				sum += number;
		long count = (long) ARRAYS * NUMBERS, expected = count * (count - 1) / 2;
		System.out.println(sum == expected ? "sum is right" : "sum is " + sum + ", not " + expected);
		System.exit(sum == expected ? 0 : 1);
	}
}
