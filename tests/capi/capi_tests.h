#ifndef CAPI_TESTS_H
#define CAPI_TESTS_H

/* Every test: one that is missing here does not compile (-Werror=missing-prototypes). */
#define TESTS(T)                                      \
  /* version_test.c */                                \
  T(versions)                                         \
  T(names_of_statuses)                                \
  T(names_of_types)                                   \
  T(layout_is_frozen)                                 \
  /* registry_test.c */                               \
  T(a_file_is_opened)                                 \
  T(a_file_that_is_not_there)                         \
  T(a_wrong_configuration_tells_where)                \
  T(hostile_configurations)                           \
  T(names)                                            \
  T(connect_close_and_reopen)                         \
  T(close_does_not_wait_for_ever)                     \
  T(all_are_closed_together)                          \
  T(close_waits_as_long_as_it_is_told)                \
  T(close_can_be_cancelled)                           \
  T(an_empty_name_is_not_the_default)                 \
  /* names_test.c */                                  \
  T(names_are_added)                                  \
  T(names_are_added_by_a_template)                    \
  T(misuse_of_names)                                  \
  T(patched_while_a_transaction_runs)                 \
  T(misuse_of_changes)                                \
  T(a_name_that_is_found_on_demand)                   \
  T(a_name_that_is_forgotten_last)                    \
  T(credentials_that_are_asked_for)                   \
  T(names_are_removed)                                \
  T(a_removed_name_is_gone_before_its_sessions_are)   \
  T(names_on_a_queue)                                 \
  T(all_are_connected)                                \
  T(a_name_is_removed_while_all_ask)                  \
  T(the_same_names_come_and_go_among_threads)         \
  /* shared_test.c */                                 \
  T(one_registry_is_shared)                           \
  /* inspect_test.c */                                \
  T(every_subject_is_there_before_anything_is_open)   \
  T(figures_follow_what_happens)                      \
  T(health_asks_what_is_open)                         \
  T(health_and_budget_on_a_queue)                     \
  T(settings_hide_secrets)                            \
  T(unknown_subjects)                                 \
  /* misuse_test.c */                                 \
  T(release_of_null)                                  \
  T(null_arguments)                                   \
  T(the_size_of_a_call)                               \
  T(fields_of_a_call)                                 \
  T(extreme_values_of_a_call)                         \
  T(modes_and_flags)                                  \
  T(text_is_utf8)                                     \
  T(columns_want_the_right_struct)                    \
  T(longer_columns)                                   \
  /* error_test.c */                                  \
  T(no_error_has_no_story)                            \
  T(a_violation_tells_everything)                     \
  T(classes_of_statements)                            \
  T(a_success_leaves_the_error_alone)                 \
  T(a_server_that_is_not_there)                       \
  /* connection_test.c */                             \
  T(modes)                                            \
  T(a_variant_is_another_handle)                      \
  T(a_pinned_session_keeps_its_state)                 \
  T(commit_and_rollback)                              \
  T(isolation_flags)                                  \
  T(transactions_as_text)                             \
  T(savepoints)                                       \
  T(a_failed_statement_in_a_transaction)              \
  T(a_pool_of_one)                                    \
  /* routing_test.c */                                \
  T(a_statement_is_explained)                         \
  T(an_answer_knows_who_gave_it)                      \
  T(a_call_names_its_fallback)                        \
  T(tokens)                                           \
  /* many_test.c */                                   \
  T(rows_take_effect_together)                        \
  T(what_each_row_has_changed)                        \
  T(rows_that_the_statement_gives_are_dropped)        \
  T(many_rows_that_give_rows)                         \
  T(rows_of_named_values)                             \
  T(no_rows_and_no_values)                            \
  T(many_rows_on_a_pinned_session)                    \
  T(many_rows_in_a_transaction)                       \
  T(many_rows_are_echoed_once)                        \
  /* many_refused_test.c */                           \
  T(malformed_rows)                                   \
  T(many_rows_on_a_handle_that_only_reads)            \
  T(many_rows_are_cancelled)                          \
  T(many_rows_have_a_deadline)                        \
  /* load_test.c */                                   \
  T(rows_are_loaded)                                  \
  T(all_rows_are_loaded_or_none)                      \
  T(names_that_need_quotes)                           \
  T(tables_of_a_schema)                               \
  T(names_that_are_not_there)                         \
  T(malformed_names)                                  \
  T(malformed_loads)                                  \
  T(a_load_is_stopped)                                \
  /* value_test.c */                                  \
  T(every_type_arrives)                               \
  T(types_of_16_bytes)                                \
  T(nulls_floats_and_bytes)                           \
  T(lists)                                            \
  T(names_in_any_order)                               \
  T(placeholders_and_quotes)                          \
  T(inputs_are_not_kept)                              \
  /* malformed_test.c */                              \
  T(malformed_values)                                 \
  T(malformed_elements)                               \
  T(malformed_arrays)                                 \
  T(many_values)                                      \
  T(odd_statements)                                   \
  T(random_values_never_crash)                        \
  /* result_test.c */                                 \
  T(what_a_statement_did)                             \
  T(the_schema_of_an_empty_answer)                    \
  T(batches)                                          \
  T(several_sets)                                     \
  T(a_stream_holds_its_session)                       \
  T(a_pinned_session_is_busy_while_it_streams)        \
  T(too_large_answers)                                \
  T(columns_of_any_type)                              \
  T(columns_of_lists)                                 \
  /* arrow_test.c */                                  \
  T(an_answer_as_arrow)                               \
  T(arrow_takes_what_is_left)                         \
  T(arrow_released_early)                             \
  T(arrow_of_each_set)                                \
  T(arrow_of_no_columns)                              \
  T(arrow_tells_failures)                             \
  /* operation_test.c */                              \
  T(ids)                                              \
  T(an_id_is_for_one_verb)                            \
  T(cancelled_before_it_begins)                       \
  T(cancelled_while_it_runs)                          \
  T(cancelled_while_it_waits)                         \
  T(the_id_of_a_stream_names_it_to_its_end)           \
  T(a_timeout_ends_a_verb)                            \
  /* queue_test.c */                                  \
  T(every_verb_on_a_queue)                            \
  T(a_stream_on_a_queue)                              \
  T(many_calls_over_few_sessions)                     \
  T(verbs_of_a_queue_keep_their_order)                \
  T(a_queue_is_polled)                                \
  T(a_queue_is_shut_down_and_drained)                 \
  T(a_queue_has_a_bound)                              \
  T(a_queue_is_released_with_calls_under_way)         \
  T(misuse_of_queues)                                 \
  T(events_arrive_on_a_queue)                         \
  T(events_that_nobody_takes_are_dropped_and_counted) \
  /* thread_test.c */                                 \
  T(one_handle_for_all_threads)                       \
  T(one_session_for_all_threads)                      \
  T(batches_and_errors_are_for_all_threads)           \
  T(cancels_among_threads)                            \
  /* lifetime_test.c */                               \
  T(parents_first)                                    \
  T(a_connection_works_without_its_registry)          \
  T(any_order)                                        \
  T(on_another_thread)                                \
  T(all_at_once)

#define DECLARE(name) void test_##name(void);
TESTS(DECLARE)
#undef DECLARE

#endif
