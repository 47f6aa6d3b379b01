#include "function_list.hpp"

#include "name_set.hpp"

namespace tl::sql {
namespace {

constexpr std::string_view sqlite_list =
    // scalar
    "abs char coalesce concat concat_ws format glob hex if ifnull iif instr length like likelihood likely lower ltrim "
    "max "
    "min nullif octet_length printf quote random randomblob replace round rtrim sign soundex sqlite_compileoption_get "
    "sqlite_compileoption_used sqlite_source_id sqlite_version substr substring trim typeof unhex unicode unistr "
    "unistr_quote unlikely upper zeroblob "
    // date and time
    "current_date current_time current_timestamp date datetime julianday strftime time timediff unixepoch "
    // mathematics
    "acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power "
    "radians sin sinh sqrt tan tanh trunc "
    // aggregates and windows
    "avg count cume_dist dense_rank first_value group_concat lag last_value lead median nth_value ntile percent_rank "
    "percentile percentile_cont percentile_disc rank row_number string_agg sum total "
    // JSON
    "json json_array json_array_insert json_array_length json_each json_error_position json_extract json_group_array "
    "json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set "
    "json_tree json_type json_valid jsonb jsonb_array jsonb_each jsonb_extract jsonb_group_array jsonb_group_object "
    "jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set jsonb_tree "
    // full text, R*Tree and tables that are functions
    "bm25 generate_series highlight matchinfo offsets pragma_collation_list pragma_compile_options "
    "pragma_database_list "
    "pragma_foreign_key_list pragma_function_list pragma_index_info pragma_index_list pragma_index_xinfo "
    "pragma_module_list pragma_pragma_list pragma_table_info pragma_table_list pragma_table_xinfo raise snippet ";

// Overloads of these names are not seen: a text does not say which function a call comes to. So words that programs
// give functions of their own (log, format, path, …) are left out, though the server has harmless ones of that name.
constexpr std::string_view postgresql_list =
    // conditions, comparison
    "coalesce greatest least nullif num_nonnulls num_nulls grouping "
    // mathematics
    "abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot cotd "
    "degrees div erf erfc exp factorial floor gcd lcm ln log10 min_scale mod pi pow power radians random round sin "
    "sind sinh sqrt tan tand tanh trim_scale trunc width_bucket "
    // text and bytes
    "ascii bit_count bit_length btrim char_length character_length chr concat concat_ws convert_from convert_to "
    "crc32 crc32c decode encode get_bit get_byte initcap left length lower lpad ltrim md5 normalize octet_length "
    "overlay parse_ident position quote_ident quote_literal quote_nullable regexp_count regexp_instr regexp_like "
    "regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat "
    "replace reverse right rpad rtrim set_bit set_byte sha224 sha256 sha384 sha512 split_part starts_with "
    "string_to_array string_to_table strpos substr substring to_ascii to_char to_date to_hex to_number "
    "to_timestamp translate trim unistr upper "
    // date and time
    "age clock_timestamp current_time current_timestamp date_add date_bin date_part date_subtract date_trunc "
    "extract isfinite justify_days justify_hours justify_interval localtime localtimestamp make_date make_interval "
    "make_time make_timestamp make_timestamptz now overlaps pg_sleep pg_sleep_for pg_sleep_until "
    "statement_timestamp timeofday timezone transaction_timestamp "
    // enumerations, networks, identifiers
    "enum_first enum_last enum_range hostmask inet_merge inet_same_family masklen netmask set_masklen "
    "macaddr8_set7bit gen_random_uuid uuidv4 uuidv7 uuid_extract_timestamp uuid_extract_version "
    // full text
    "array_to_tsvector get_current_ts_config json_to_tsvector jsonb_to_tsvector numnode phraseto_tsquery "
    "plainto_tsquery querytree setweight to_tsquery to_tsvector ts_delete ts_filter ts_headline ts_rank ts_rank_cd "
    "tsquery_phrase tsvector_to_array websearch_to_tsquery "
    // JSON and XML without the functions that run SQL
    "array_to_json json_agg json_array json_array_elements json_array_elements_text json_array_length "
    "json_arrayagg json_build_array json_build_object json_each json_each_text json_exists json_extract_path "
    "json_extract_path_text json_object json_object_agg json_object_keys json_objectagg json_populate_record "
    "json_populate_recordset json_query json_scalar json_serialize json_strip_nulls json_to_record "
    "json_to_recordset json_typeof json_value jsonb_agg jsonb_array_elements jsonb_array_elements_text "
    "jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path "
    "jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists "
    "jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array "
    "jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz "
    "jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls "
    "jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb xmlagg xmlcomment xmlconcat "
    "xpath xpath_exists "
    // arrays and ranges
    "array_agg array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position "
    "array_positions array_prepend array_remove array_replace array_reverse array_sample array_shuffle array_sort "
    "array_to_string array_upper cardinality generate_series generate_subscripts trim_array unnest daterange "
    "datemultirange int4multirange int4range int8multirange int8range isempty lower_inc lower_inf multirange "
    "nummultirange numrange range_agg range_intersect_agg range_merge tsmultirange tsrange tstzmultirange "
    "tstzrange upper_inc upper_inf "
    // aggregates and windows
    "any_value avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank "
    "every first_value lag last_value lead max min nth_value ntile percent_rank percentile_cont percentile_disc "
    "rank regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number "
    "stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance "
    // about the server and its catalog
    "col_description current_database current_schema current_schemas current_setting format_type "
    "has_any_column_privilege has_column_privilege has_database_privilege has_function_privilege "
    "has_schema_privilege has_sequence_privilege has_table_privilege has_type_privilege inet_client_addr "
    "inet_client_port inet_server_addr inet_server_port obj_description pg_backend_pid pg_blocking_pids "
    "pg_client_encoding pg_collation_for pg_collation_is_visible pg_column_compression pg_column_size "
    "pg_conf_load_time pg_database_size pg_describe_object pg_encoding_to_char pg_function_is_visible "
    "pg_get_constraintdef pg_get_expr pg_get_function_arguments pg_get_function_identity_arguments "
    "pg_get_function_result pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_partition_constraintdef "
    "pg_get_partkeydef pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_triggerdef "
    "pg_get_userbyid pg_get_viewdef pg_has_role pg_identify_object pg_index_column_has_property "
    "pg_index_has_property pg_indexes_size pg_input_is_valid pg_is_in_recovery pg_is_other_temp_schema "
    "pg_is_wal_replay_paused pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp "
    "pg_lock_status pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible pg_partition_ancestors "
    "pg_partition_root pg_partition_tree pg_postmaster_start_time pg_relation_filenode pg_relation_filepath "
    "pg_relation_size pg_show_all_settings pg_size_bytes pg_size_pretty pg_stat_get_activity pg_table_is_visible "
    "pg_table_size pg_tablespace_location pg_tablespace_size pg_timezone_abbrevs pg_timezone_names "
    "pg_total_relation_size pg_type_is_visible pg_typeof pg_wal_lsn_diff row_security_active shobj_description "
    "to_regclass to_regnamespace to_regoper to_regoperator to_regproc to_regprocedure to_regrole to_regtype "
    "txid_snapshot_xmax txid_snapshot_xmin version ";

constexpr std::string_view mysql_list =
    // conditions, comparison
    "coalesce greatest if ifnull interval isnull least nullif nvl nvl2 strcmp values value any_value "
    // mathematics
    "abs acos asin atan atan2 ceil ceiling conv cos cot crc32 crc32c degrees exp floor format ln log log10 log2 mod "
    "oct pi "
    "pow power radians rand round sign sin sqrt tan truncate bit_count "
    // text and bytes
    "aes_decrypt aes_encrypt ascii bin bit_length char char_length character_length charset chr coercibility collation "
    "compress concat concat_ws convert elt export_set field find_in_set from_base64 hex insert instr lcase left length "
    "lengthb locate lower lpad ltrim make_set md5 mid natural_sort_key octet_length ord position quote "
    "random_bytes regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right rpad rtrim sha "
    "sha1 "
    "sha2 sformat soundex space statement_digest substr substring substring_index to_base64 to_char trim ucase "
    "uncompress "
    "uncompressed_length unhex upper weight_string "
    // date and time
    "add_months adddate addtime convert_tz curdate current_date current_time current_timestamp curtime date date_add "
    "date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear extract from_days from_unixtime "
    "get_format "
    "hour last_day localtime localtimestamp makedate maketime microsecond minute month monthname now period_add "
    "period_diff quarter sec_to_time second sleep str_to_date subdate subtime sysdate time time_format time_to_sec "
    "timediff timestamp timestampadd timestampdiff to_days to_seconds unix_timestamp utc_date utc_time utc_timestamp "
    "week "
    "weekday weekofyear year yearweek "
    // aggregates and windows
    "avg bit_and bit_or bit_xor count cume_dist dense_rank first_value group_concat grouping json_arrayagg "
    "json_objectagg "
    "lag last_value lead max median min nth_value ntile percent_rank percentile_cont percentile_disc rank row_number "
    "std "
    "stddev stddev_pop stddev_samp sum var_pop var_samp variance "
    // JSON and XML
    "extractvalue json_array json_array_append json_array_insert json_compact json_contains "
    "json_contains_path json_depth json_detailed json_equals json_exists json_extract json_insert json_keys "
    "json_length "
    "json_loose json_merge json_merge_patch json_merge_preserve json_normalize json_object json_overlaps json_pretty "
    "json_query json_quote json_remove json_replace json_schema_valid json_search json_set json_storage_free "
    "json_storage_size json_table json_type json_unquote json_valid json_value updatexml "
    // networks, identifiers, geometry
    "bin_to_uuid inet6_aton inet6_ntoa inet_aton inet_ntoa is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid "
    "uuid_to_bin uuid uuid_short sys_guid point linestring polygon multipoint st_area st_asbinary st_asgeojson "
    "st_astext "
    "st_aswkb st_aswkt st_buffer st_centroid st_contains st_crosses st_difference st_dimension st_disjoint st_distance "
    "st_distance_sphere st_envelope st_equals st_geomfromgeojson st_geomfromtext st_geomfromwkb st_intersection "
    "st_intersects st_isvalid st_latitude st_length st_longitude st_overlaps st_pointfromtext st_simplify st_srid "
    "st_symdifference st_touches st_transform st_union st_within st_x st_y mbrcontains mbrintersects mbrwithin "
    // about the server
    "connection_id current_role current_user database schema session_user system_user user version ";

template <const std::string_view& list>
constexpr auto names = split_names<count_names(list)>(list);
template <const std::string_view& list>
constexpr NameSet<count_names(list)> set_of(names<list>);

}  // namespace

bool is_harmless_function(std::string_view name, Dialect dialect) noexcept {
  switch (dialect) {
    case Dialect::sqlite: return set_of<sqlite_list>.find(name) >= 0;
    case Dialect::postgresql: return set_of<postgresql_list>.find(name) >= 0;
    case Dialect::mysql: return set_of<mysql_list>.find(name) >= 0;
  }
  return false;
}

}  // namespace tl::sql
