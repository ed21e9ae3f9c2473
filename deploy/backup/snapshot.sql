-- One snapshot of the database: pg_dump uses it, and so does what is written down to compare a restore with.
\set ON_ERROR_STOP on
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL lock_timeout = '60s';
SELECT pg_export_snapshot() AS snapshot \gset
\setenv SNAPSHOT :snapshot
\! sh "$HERE/dump" && : >"$SCRATCH/dumped"
\set dumped `test -e "$SCRATCH/dumped" && echo 1 || echo 0`
\if :dumped
\else
    \q
\endif

-- Of each table its rows, and a sum over all of them that changes with any of their values.
\o :folder/contents
SELECT format(
    'SELECT %L, count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM %I.%I AS t',
    format('%I.%I', schemaname, tablename), schemaname, tablename
) FROM pg_tables WHERE schemaname = ANY (string_to_array(:'schemas', ',')) ORDER BY schemaname, tablename
\gexec
\o
\if :with_files
\o :scratch/wanted
SELECT DISTINCT sha256 FROM asset_management.assets ORDER BY 1;
\o
\endif
COMMIT;
