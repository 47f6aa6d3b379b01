#include "function_list.hpp"

#include <span>
#include <string>

#include "name_set.hpp"
#include "verb.hpp"

namespace tl::sql {
namespace {

constexpr std::string_view sqlite_list =
    // scalar
    "abs char coalesce concat concat_ws format glob hex if ifnull iif instr length like likelihood likely lower ltrim "
    "max min nullif octet_length printf quote random randomblob replace round rtrim sign soundex "
    "sqlite_compileoption_get sqlite_compileoption_used sqlite_offset sqlite_source_id sqlite_version substr "
    "substring subtype trim typeof unhex unicode unistr unistr_quote unlikely upper zeroblob "
    // date and time
    "current_date current_time current_timestamp date datetime julianday strftime time timediff unixepoch "
    // mathematics
    "acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow "
    "power radians sin sinh sqrt tan tanh trunc "
    // aggregates and windows
    "avg count cume_dist dense_rank first_value group_concat lag last_value lead median nth_value ntile percent_rank "
    "percentile percentile_cont percentile_disc rank row_number string_agg sum total "
    // JSON
    "json json_array json_array_insert json_array_length json_each json_error_position json_extract json_group_array "
    "json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set "
    "json_tree json_type json_valid jsonb jsonb_array jsonb_each jsonb_extract jsonb_group_array jsonb_group_object "
    "jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set jsonb_tree "
    // full text, R*Tree and tables that are functions
    "bm25 fts5_source_id generate_series highlight matchinfo offsets raise rtreecheck rtreedepth snippet ";

// Overloads of these names are not seen: a text does not say which function a call comes to. So words that programs
// give functions of their own (log, format, path, …) are left out, though the server has harmless ones of that name.
constexpr std::string_view postgresql_list =
    // conditions, comparison
    "coalesce greatest grouping least nullif num_nonnulls num_nulls "
    // mathematics
    "abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot cotd "
    "degrees div erf erfc exp factorial floor gcd lcm ln log10 min_scale mod pi pow power radians random round scale "
    "sign sin sind sinh sqrt tan tand tanh trim_scale trunc width_bucket "
    // text and bytes
    "ascii bit_count bit_length btrim char_length character_length chr concat concat_ws convert_from "
    "convert_to crc32 crc32c decode encode get_bit get_byte initcap is_normalized left length lower "
    "lpad ltrim md5 normalize octet_length overlay parse_ident position quote_ident quote_literal "
    "quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace "
    "regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim set_bit "
    "set_byte sha224 sha256 sha384 sha512 split_part starts_with string_to_array "
    "string_to_table strpos substr substring to_ascii to_char to_date to_hex to_number to_timestamp translate "
    "trim unistr upper "
    // date and time
    "age clock_timestamp current_time current_timestamp date_add date_bin date_part date_subtract date_trunc extract "
    "isfinite justify_days justify_hours justify_interval localtime localtimestamp make_date make_interval make_time "
    "make_timestamp make_timestamptz now overlaps pg_sleep pg_sleep_for pg_sleep_until statement_timestamp timeofday "
    "timezone transaction_timestamp "
    // enumerations, networks, identifiers
    "enum_first enum_last enum_range gen_random_uuid host hostmask inet_merge inet_same_family macaddr8_set7bit "
    "masklen netmask network set_masklen uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 "
    // full text
    "array_to_tsvector get_current_ts_config json_to_tsvector jsonb_to_tsvector numnode phraseto_tsquery "
    "plainto_tsquery querytree setweight strip to_tsquery to_tsvector ts_debug ts_delete ts_filter ts_headline "
    "ts_lexize ts_parse ts_rank ts_rank_cd ts_token_type tsquery_phrase tsvector_to_array websearch_to_tsquery "
    // JSON and XML without the functions that run SQL
    "array_to_json json_agg json_array json_array_elements json_array_elements_text json_array_length json_arrayagg "
    "json_build_array json_build_object json_each json_each_text json_exists json_extract_path json_extract_path_text "
    "json_object json_object_agg json_object_keys json_objectagg json_populate_record json_populate_recordset "
    "json_query json_scalar json_serialize json_strip_nulls json_table json_to_record json_to_recordset json_typeof "
    "json_value jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array "
    "jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert "
    "jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz jsonb_path_match "
    "jsonb_path_match_tz jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first "
    "jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset jsonb_pretty "
    "jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json "
    "to_jsonb xml xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document xmlagg xmlattributes "
    "xmlcomment xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable "
    "xmltext xpath xpath_exists "
    // arrays and ranges
    "array_agg array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position "
    "array_positions array_prepend array_remove array_replace array_reverse array_sample array_shuffle array_sort "
    "array_to_string array_upper cardinality datemultirange daterange generate_series generate_subscripts "
    "int4multirange int4range int8multirange int8range isempty lower_inc lower_inf multirange nummultirange numrange "
    "range_agg range_intersect_agg range_merge trim_array tsmultirange tsrange tstzmultirange tstzrange unnest "
    "upper_inc upper_inf "
    // aggregates and windows
    "any_value avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank every "
    "first_value lag last_value lead max min mode nth_value ntile percent_rank percentile_cont percentile_disc rank "
    "regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number stddev "
    "stddev_pop stddev_samp string_agg sum var_pop var_samp variance "
    // geometry, and types as functions
    "area bool bound_box box bpchar center cidr circle date diagonal diameter float4 float8 height int2 int4 int8 "
    "isclosed ishorizontal isopen isparallel isperp isvertical lseg macaddr macaddr8 money npoints oid pclose pg_lsn "
    "point polygon popen radius regclass slope timestamptz timetz varbit width xid "
    // hashes
    "hash_array hash_record hashbpchar hashchar hashfloat8 hashint2 hashint4 hashint8 hashtext hashtextextended "
    "jsonb_hash uuid_hash "
    // about the server and its catalog
    "acldefault aclexplode col_description current_database current_query current_schema current_schemas "
    "current_setting format_type has_any_column_privilege has_column_privilege has_database_privilege "
    "has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege has_parameter_privilege "
    "has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege "
    "has_type_privilege inet_client_addr inet_client_port inet_server_addr inet_server_port lo_get makeaclitem "
    "mxid_age obj_description oidvectortypes pg_available_extension_versions pg_available_extensions pg_backend_pid "
    "pg_blocking_pids pg_char_to_encoding pg_client_encoding pg_collation_for pg_collation_is_visible "
    "pg_column_compression pg_column_is_updatable pg_column_size pg_conf_load_time pg_config pg_conversion_is_visible "
    "pg_current_snapshot pg_database_size pg_describe_object pg_encoding_max_length pg_encoding_to_char "
    "pg_extension_update_paths pg_filenode_relation pg_function_is_visible pg_get_catalog_foreign_keys "
    "pg_get_constraintdef pg_get_expr pg_get_function_arg_default pg_get_function_arguments "
    "pg_get_function_identity_arguments pg_get_function_result pg_get_function_sqlbody pg_get_functiondef "
    "pg_get_indexdef pg_get_keywords pg_get_object_address pg_get_partition_constraintdef pg_get_partkeydef "
    "pg_get_publication_tables pg_get_replica_identity_index pg_get_ruledef pg_get_serial_sequence "
    "pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions pg_get_triggerdef "
    "pg_get_userbyid pg_get_viewdef pg_has_role pg_identify_object pg_identify_object_as_address "
    "pg_index_column_has_property pg_index_has_property pg_indexam_has_property pg_indexes_size pg_input_is_valid "
    "pg_is_in_recovery pg_is_other_temp_schema pg_is_wal_replay_paused pg_jit_available pg_last_wal_receive_lsn "
    "pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status pg_my_temp_schema pg_opclass_is_visible "
    "pg_operator_is_visible pg_opfamily_is_visible pg_options_to_table pg_partition_ancestors pg_partition_root "
    "pg_partition_tree pg_postmaster_start_time pg_relation_filenode pg_relation_filepath pg_relation_is_publishable "
    "pg_relation_is_updatable pg_relation_size pg_sequence_parameters pg_settings_get_flags pg_show_all_settings "
    "pg_size_bytes pg_size_pretty pg_snapshot_xip pg_snapshot_xmax pg_snapshot_xmin pg_stat_get_activity "
    "pg_statistics_obj_is_visible pg_table_is_visible pg_table_size pg_tablespace_databases pg_tablespace_location "
    "pg_tablespace_size pg_timezone_abbrevs pg_timezone_names pg_total_relation_size pg_trigger_depth "
    "pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible "
    "pg_type_is_visible pg_typeof pg_visible_in_snapshot pg_wal_lsn_diff row_security_active satisfies_hash_partition "
    "shobj_description to_regclass to_regcollation to_regnamespace to_regoper to_regoperator to_regproc "
    "to_regprocedure to_regrole to_regtype txid_current_snapshot txid_snapshot_xip txid_snapshot_xmax "
    "txid_snapshot_xmin txid_visible_in_snapshot version "
    // in information_schema
    "_pg_char_max_length _pg_char_octet_length _pg_datetime_precision _pg_expandarray _pg_index_position "
    "_pg_numeric_precision _pg_numeric_precision_radix _pg_numeric_scale _pg_truetypid _pg_truetypmod "
    // of the extensions that come with the server, but for words of every day
    "akeys armor avals crypt cube_dim cube_distance cube_enlarge cube_inter cube_is_point cube_ll_coord cube_size "
    "cube_subset cube_union cube_ur_coord dearmor digest dmetaphone dmetaphone_alt earth_box earth_distance "
    "gen_random_bytes gen_salt hmac hstore hstore_to_json hstore_to_json_loose hstore_to_jsonb hstore_to_jsonb_loose "
    "lca levenshtein levenshtein_less_equal ll_to_earth ltree2text metaphone nlevel pgp_armor_headers pgp_key_id "
    "pgp_pub_decrypt pgp_pub_decrypt_bytea pgp_pub_encrypt pgp_pub_encrypt_bytea pgp_sym_decrypt "
    "pgp_sym_decrypt_bytea pgp_sym_encrypt pgp_sym_encrypt_bytea show_limit show_trgm similarity skeys soundex "
    "strict_word_similarity subltree subpath svals text2ltree unaccent uuid_generate_v1 uuid_generate_v1mc "
    "uuid_generate_v3 uuid_generate_v4 uuid_generate_v5 uuid_nil uuid_ns_dns uuid_ns_oid uuid_ns_url uuid_ns_x500 "
    "word_similarity "
    // of PostGIS and pgvector
    "cosine_distance inner_product l1_distance l2_distance l2_norm l2_normalize postgis_full_version postgis_version "
    "st_area st_asbinary st_asewkb st_asewkt st_asgeojson st_asmvt st_asmvtgeom st_astext st_azimuth st_boundary "
    "st_buffer st_centroid st_closestpoint st_clusterdbscan st_clusterkmeans st_collect st_collectionextract "
    "st_contains st_convexhull st_coveredby st_covers st_crosses st_difference st_dimension st_disjoint st_distance "
    "st_distancesphere st_dump st_dumppoints st_dwithin st_endpoint st_envelope st_equals st_expand st_extent "
    "st_exteriorring st_flipcoordinates st_force2d st_force3d st_geogfromtext st_geohash st_geometryfromtext "
    "st_geometryn st_geometrytype st_geomfromewkb st_geomfromewkt st_geomfromgeojson st_geomfromtext st_geomfromwkb "
    "st_hexagongrid st_interiorringn st_intersection st_intersects st_isclosed st_isempty st_issimple st_isvalid "
    "st_isvalidreason st_length st_lineinterpolatepoint st_linelocatepoint st_linemerge st_linesubstring "
    "st_makeenvelope st_makeline st_makepoint st_makepolygon st_makevalid st_maxdistance st_memunion st_multi "
    "st_npoints st_numgeometries st_numpoints st_overlaps st_perimeter st_point st_pointfromtext st_pointn "
    "st_pointonsurface st_polygon st_polygonize st_project st_reverse st_segmentize st_setsrid st_simplify "
    "st_simplifypreservetopology st_snap st_snaptogrid st_split st_squaregrid st_srid st_startpoint st_subdivide "
    "st_symdifference st_tileenvelope st_touches st_transform st_translate st_unaryunion st_union st_voronoipolygons "
    "st_within st_x st_xmax st_xmin st_y st_ymax st_ymin st_z subvector vector_dims vector_norm ";

constexpr std::string_view mysql_list =
    // conditions, comparison
    "any_value benchmark coalesce decode_oracle greatest if ifnull interval isnull least name_const nullif nvl nvl2 "
    "strcmp value values "
    // mathematics
    "abs acos asin atan atan2 bit_count ceil ceiling conv cos cot crc32 crc32c degrees exp floor format ln log log10 "
    "log2 mod oct pi pow power radians rand round sign sin sqrt tan truncate "
    // text and bytes
    "aes_decrypt aes_encrypt ascii bin bit_length char char_length character_length charset chr coercibility "
    "collation compress concat concat_operator_oracle concat_ws convert decode decode_histogram des_decrypt "
    "des_encrypt elt encode encrypt export_set field find_in_set from_base64 hex insert instr lcase left length "
    "lengthb locate lower lpad lpad_oracle ltrim ltrim_oracle make_set md5 mid natural_sort_key octet_length "
    "old_password ord password position quote random_bytes regexp_instr regexp_like regexp_replace regexp_substr "
    "repeat replace replace_oracle reverse right rpad rpad_oracle rtrim rtrim_oracle sformat sha sha1 sha2 soundex "
    "space statement_digest substr substr_oracle substring substring_index to_base64 to_char trim trim_oracle ucase "
    "uncompress uncompressed_length unhex upper weight_string "
    // date and time
    "add_months adddate addtime convert_tz curdate current_date current_time current_timestamp curtime date date_add "
    "date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear extract from_days from_unixtime "
    "get_format hour last_day localtime localtimestamp makedate maketime microsecond minute month monthname now "
    "period_add period_diff quarter sec_to_time second sleep str_to_date subdate subtime sysdate time time_format "
    "time_to_sec timediff timestamp timestampadd timestampdiff to_days to_seconds unix_timestamp utc_date utc_time "
    "utc_timestamp week weekday weekofyear year yearweek "
    // aggregates and windows
    "avg bit_and bit_or bit_xor count cume_dist dense_rank first_value group_concat grouping json_arrayagg "
    "json_objectagg lag last_value lead max median min nth_value ntile percent_rank percentile_cont percentile_disc "
    "rank row_number std stddev stddev_pop stddev_samp sum var_pop var_samp variance "
    // JSON and XML
    "column_add column_check column_create column_delete column_exists column_get column_json column_list "
    "extractvalue json_array json_array_append json_array_insert json_compact json_contains json_contains_path "
    "json_depth json_detailed json_equals json_exists json_extract json_insert json_keys json_length json_loose "
    "json_merge json_merge_patch json_merge_preserve json_normalize json_object json_overlaps json_pretty json_query "
    "json_quote json_remove json_replace json_schema_valid json_search json_set json_storage_free json_storage_size "
    "json_table json_type json_unquote json_valid json_value updatexml "
    // networks, identifiers, geometry
    "asbinary astext bin_to_uuid geometrycollection geomfromtext geomfromwkb glength inet6_aton inet6_ntoa inet_aton "
    "inet_ntoa is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid linefromtext linestring mbrcontains mbrcoveredby "
    "mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin multilinestring "
    "multipoint multipolygon numpoints point pointfromtext polyfromtext polygon st_area st_asbinary st_asgeojson "
    "st_astext st_aswkb st_aswkt st_boundary st_buffer st_centroid st_contains st_convexhull st_crosses st_difference "
    "st_dimension st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring "
    "st_geohash st_geomcollfromtext st_geomcollfromwkb st_geometrycollectionfromtext st_geometryfromtext "
    "st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson st_geomfromtext st_geomfromwkb "
    "st_interiorringn st_intersection st_intersects st_isclosed st_isempty st_isring st_issimple st_isvalid "
    "st_latfromgeohash st_latitude st_length st_linefromtext st_linefromwkb st_longfromgeohash st_longitude "
    "st_makeenvelope st_mlinefromtext st_mpointfromtext st_mpolyfromtext st_numgeometries st_numinteriorrings "
    "st_numpoints st_overlaps st_pointfromgeohash st_pointfromtext st_pointfromwkb st_pointn st_pointonsurface "
    "st_polyfromtext st_polyfromwkb st_relate st_simplify st_srid st_startpoint st_symdifference st_touches "
    "st_transform st_union st_validate st_within st_x st_y sys_guid uuid uuid_short uuid_to_bin "
    // about the server
    "connection_id current_role current_user database schema session_user system_user user version ";

struct Effect {
  std::string_view what;
  std::string_view functions;  // in small letters, one space around each
};

constexpr std::string_view writes = "writes", locks = "takes or gives back a lock",
                           remembers = "tells what its session did before",
                           settles = "changes a setting of its session";

constexpr Effect postgresql_effects[] = {
    {writes,
     " lo_creat lo_create lo_from_bytea lo_import lo_put lo_truncate lo_truncate64 lo_unlink lowrite nextval "
     "pg_create_restore_point pg_logical_emit_message pg_switch_wal setval "},
    {locks,
     " pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared "
     "pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared "
     "pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared "},
    {remembers, " currval lastval "},
    {settles, " set_config setseed "},
    {"tells other sessions", " pg_notify "},
};

constexpr Effect mysql_effects[] = {
    {writes, " nextval setval "},
    {locks, " get_lock is_free_lock is_used_lock release_all_locks release_lock "},
    {remembers, " found_rows last_insert_id lastval row_count "},
};

constexpr Effect sqlite_effects[] = {
    {"writes where it finds something to do", " pragma_optimize "},
    {remembers, " changes last_insert_rowid total_changes "},
    {"loads code into its session", " load_extension "},
};

std::span<const Effect> effects_of(Dialect dialect) noexcept {
  switch (dialect) {
    case Dialect::sqlite: return sqlite_effects;
    case Dialect::postgresql: return postgresql_effects;
    case Dialect::mysql: return mysql_effects;
  }
  return {};
}

template <const std::string_view& list>
constexpr auto names = split_names<count_names(list)>(list);
template <const std::string_view& list>
constexpr NameSet<count_names(list)> set_of(names<list>);

// A PRAGMA as a table cannot set anything: its argument is what it asks about, or a schema.
bool is_asking_table(std::string_view name) noexcept {
  constexpr std::string_view prefix = "pragma_";
  return name.size() > prefix.size() && equal_fold(name.substr(0, prefix.size()), prefix) &&
         is_harmless_pragma(name.substr(prefix.size()), false);
}

}  // namespace

bool is_harmless_function(std::string_view name, Dialect dialect) noexcept {
  switch (dialect) {
    case Dialect::sqlite: return set_of<sqlite_list>.find(name) >= 0 || is_asking_table(name);
    case Dialect::postgresql: return set_of<postgresql_list>.find(name) >= 0;
    case Dialect::mysql: return set_of<mysql_list>.find(name) >= 0;
  }
  return false;
}

std::string_view effect_of_function(std::string_view name, Dialect dialect) {
  std::string wanted = " ";
  for (const char c : name) wanted += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  wanted += ' ';
  for (const Effect& effect : effects_of(dialect)) {
    if (effect.functions.find(wanted) != std::string_view::npos) return effect.what;
  }
  return {};
}

}  // namespace tl::sql
