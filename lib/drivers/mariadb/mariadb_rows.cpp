// MariadbSession: rows into columns.
#include "mariadb_session.hpp"

namespace tl::mariadb {
namespace {

constexpr uint64_t slot = 8;                        // what most values take beside their bytes
constexpr uint64_t widest_slot = 16;                // and the widest, a null of whose type takes as much
constexpr uint64_t most_kept = uint64_t{16} << 20;  // in Connector/C's buffer, which never shrinks

}  // namespace

bool MariadbSession::begin_set() {
  bool same = true;
  const bool prepared = source_ == Source::prepared;
  const unsigned n = prepared ? mysql_stmt_field_count(using_->handle.get()) : mysql_field_count(conn_.get());
  note_status();
  rows_ = 0;
  plan_ = nullptr;
  complaint_ = nullptr;
  no_memory_ = false;
  in_rows_ = n != 0;
  if (!in_rows_) return same;
  if (place_ == Place::told) place_ = Place::asked_for;
  if (prepared) {
    const MYSQL_FIELD* const fields = mariadb_stmt_fetch_fields(using_->handle.get());
    const Plan* const before = using_->plan.get();
    same = before == nullptr || before->describes(fields, n);
    if (!same || before == nullptr || before->utc != utc_) using_->plan = plan_of(fields, n, utc_);
    plan_ = using_->plan;
  } else {
    read_as_text(n);
  }
  if (plan_->has_timestamps) told_timestamps_ = true;
  return same;
}

void MariadbSession::read_as_text(unsigned n) {
  result_.reset(mysql_use_result(conn_.get()));
  if (result_ == nullptr) throw std::bad_alloc();  // the only reason: the set has columns
  plan_ = plan_of(mysql_fetch_fields(result_.get()), n, utc_);
}

// Connector/C calls this for every value of a row, on the stack of the suspended call: nothing may be thrown. It checks
// that the row is read to its end, also where nobody wants it, but not what is read before that.
void MariadbSession::on_value(void* self, unsigned column, unsigned char** at) noexcept {
  auto& session = *static_cast<MariadbSession*>(self);
  const bool wanted = session.reading_ != nullptr && session.complaint_ == nullptr && !session.no_memory_;
  columnar::Column* const into = wanted ? &session.reading_->columns()[column] : nullptr;
  try {
    if (at == nullptr) {
      session.row_bytes_ += widest_slot;
      if (into != nullptr) into->append_null();
      return;
    }
    const NET& net = session.conn_->net;
    Bytes bytes{*at, net.buff + net.max_packet};
    const Complaint complaint = read_binary(into, session.plan_->forms[column], bytes);
    session.row_bytes_ += static_cast<uint64_t>(bytes.at - *at) + slot;
    *at = const_cast<unsigned char*>(bytes.at);  // NOLINT: Connector/C's own buffer
    if (into == nullptr || complaint == nullptr) return;
    session.complaint_ = complaint;
    session.complained_ = column;
  } catch (const std::bad_alloc&) {
    session.no_memory_ = true;
  }
}

void MariadbSession::read_text_row(columnar::Batch& batch) noexcept {
  const unsigned long* const lengths = mysql_fetch_lengths(result_.get());
  try {
    for (unsigned i = 0; i < plan_->forms.size() && complaint_ == nullptr; ++i) {
      columnar::Column& into = batch.columns()[i];
      complained_ = i;
      row_bytes_ += row_[i] == nullptr ? widest_slot : lengths[i] + slot;
      if (row_[i] == nullptr) {
        into.append_null();
      } else {
        complaint_ = read_text(into, plan_->forms[i], {row_[i], lengths[i]});
      }
    }
  } catch (const std::bad_alloc&) {
    no_memory_ = true;
  }
}

void MariadbSession::row_read(columnar::Batch& batch, uint64_t& bytes) noexcept {
  const uint64_t read = std::exchange(row_bytes_, 0);
  bytes += read;
  if (read > most_kept) swollen_ = changed_ = true;
  row_came_ = complaint_ == nullptr && !no_memory_ ? RowCame::row : RowCame::unreadable;
  if (row_came_ != RowCame::row) return;
  ++rows_;
  batch.set_rows(batch.rows() + 1);
}

bool MariadbSession::next_row(columnar::Batch* batch, uint64_t& bytes) {
  if (source_ == Source::prepared) {
    reading_ = batch;
    if (!call<mysql_stmt_fetch_start, mysql_stmt_fetch_cont>(failed_, using_->handle.get())) return false;
    row_came_ = failed_ == 0 ? RowCame::row : failed_ == MYSQL_NO_DATA ? RowCame::end : RowCame::error;
  } else {
    if (!call<mysql_fetch_row_start, mysql_fetch_row_cont>(row_, result_.get())) return false;
    const bool failed = row_ == nullptr && mysql_errno(conn_.get()) != 0;
    row_came_ = row_ != nullptr ? RowCame::row : failed ? RowCame::error : RowCame::end;
    if (row_ != nullptr && batch != nullptr) read_text_row(*batch);
  }
  if (row_came_ != RowCame::row) {
    in_rows_ = false;
  } else if (batch != nullptr) {
    row_read(*batch, bytes);
  }
  return true;
}

Failure MariadbSession::wrong_value(const columnar::Batch& batch) const {
  Failure failure = no_memory_ ? fail(Status::no_memory, "out of memory", Phase::decode)
                               : fail(complaint_ == too_large ? Status::too_large : Status::data,
                                      "row " + std::to_string(rows_ + 1) + ", column \"" +
                                          batch.schema()[complained_].name + "\": " + complaint_,
                                      Phase::decode);
  failure->outcome = Outcome::unknown;  // the statement itself has succeeded, or may yet
  return failure;
}

}  // namespace tl::mariadb
