--- The last status of dgls, from the notification `dgls/status`.
local M = {}

---@class dgls.Report
---@field state 'loading'|'ready'|'slow'|'off'|'failed'
---@field message? string for a person
---@field percent? integer 0..100, while loading
---@field model? string
---@field device? string
---@field p50_ms? number the median time of the last fills
---@field quiet? string why nothing was suggested at the cursor just now
---@field doing? string what the user asked for and waits for
---@field line? string all of it in one line

---@type dgls.Report?
M.report = nil

local echoed = false

--- Say what the user waits for, also without dgls in the statusline. In other modes than normal
--- mode the mode itself is shown there.
---@param doing? string
local function echo(doing)
  if doing and not echoed and vim.api.nvim_get_mode().mode == 'n' then
    vim.api.nvim_echo({ { ('dgls: %s ...'):format(doing) } }, false, {})
    echoed = true
  elseif not doing and echoed then
    vim.api.nvim_echo({ { '' } }, false, {})
    echoed = false
  end
end

--- Store a report and redraw the statusline.
---@param report dgls.Report
function M.set(report)
  M.report = report
  echo(report.doing)
  vim.api.nvim_exec_autocmds('User', { pattern = 'DglsStatus', data = report })
  vim.cmd.redrawstatus({ bang = true })
end

--- The report in one line, or as a few letters; empty if dgls does not run in the buffer.
---@param short? boolean whether to use only a few letters
---@return string
function M.text(short)
  local report = M.report
  if not report or not M.client() then
    return ''
  end
  if not short and report.line then
    return 'dgls: ' .. report.line
  end
  if report.doing then
    return 'dgls ' .. report.doing
  end
  if report.state == 'loading' then
    return ('dgls %d%%'):format(report.percent or 0)
  end
  return report.state == 'ready' and 'dgls' or 'dgls ' .. report.state
end

--- The dgls client of the current buffer.
---@return vim.lsp.Client?
function M.client()
  return vim.lsp.get_clients({ bufnr = 0, name = 'dgls' })[1]
end

return M
