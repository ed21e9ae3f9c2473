-- Follows a restore inside its transaction: any difference from what was written down undoes everything.
DO $$
DECLARE
    told record;
    found record;
BEGIN
    FOR told IN SELECT * FROM pg_temp.written_down LOOP
        EXECUTE format(
            'SELECT count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)), 0) AS fingerprint FROM %s AS t',
            told.name
        ) INTO found;
        IF found.rows <> told.rows OR found.fingerprint <> told.fingerprint THEN
            RAISE EXCEPTION '% is not what was backed up: % rows instead of %, or other values',
                told.name, found.rows, told.rows;
        END IF;
    END LOOP;
END $$;
