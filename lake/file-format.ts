/**
 * How the lake's Parquet files are written, whoever writes them. zstd at its first level makes them 40 % smaller than DuckDB's default does and takes
 * no more computing than that, to write or to read. A writer holds a row group in memory, and DuckDB's default is 122,880 rows whatever their length.
 */
const rowGroupRows = 16_384;
const [compression, compressionLevel] = ['zstd', 1];

/** Kept in the catalog, for all that DuckLake writes: https://ducklake.select/docs/stable/duckdb/usage/configuration */
export const lakeOptions: Readonly<Record<string, string>> = {
  parquet_compression: compression,
  parquet_compression_level: String(compressionLevel),
  parquet_row_group_size: String(rowGroupRows),
  parquet_row_group_size_bytes: '32MB',
};

/** Of COPY: https://duckdb.org/docs/stable/sql/statements/copy */
export const copyOptions = `FORMAT parquet, COMPRESSION ${compression}, COMPRESSION_LEVEL ${compressionLevel}, ROW_GROUP_SIZE ${rowGroupRows}`;
