--- Edits by instruction: ask for one, show the difference, then apply it.
local status = require('dgls.status')

local M = {}

local function warn(message)
  vim.notify('dgls: ' .. message, vim.log.levels.WARN)
end

--- Show a difference below, and ask whether to apply it.
---@param diff string
---@param on_choice fun(apply: boolean)
local function preview(diff, on_choice)
  local lines = vim.split(diff, '\n', { trimempty = true })
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].filetype = 'diff'
  vim.bo[buffer].bufhidden = 'wipe'
  local height = math.min(#lines, 15)
  local window = vim.api.nvim_open_win(buffer, false, { split = 'below', height = height })
  vim.cmd.redraw()
  vim.ui.select({ 'Apply', 'Leave it' }, { prompt = 'dgls: apply this edit?' }, function(choice)
    if vim.api.nvim_win_is_valid(window) then
      vim.api.nvim_win_close(window, true)
    end
    on_choice(choice == 'Apply')
  end)
end

--- Ask the server for the edit, and the user whether to apply it.
local function edit(client, uri, range, instruction)
  local buffer = vim.uri_to_bufnr(uri)
  local before = vim.api.nvim_buf_get_changedtick(buffer)
  local asked = { command = 'dgls.edit', arguments = { uri, range, instruction } }
  client:request('workspace/executeCommand', asked, function(err, made)
    if err then
      return warn(err.message)
    end
    preview(made.diff, function(apply)
      if not apply then
        return
      end
      if vim.api.nvim_buf_get_changedtick(buffer) ~= before then
        return warn('the buffer has changed meanwhile, so it was left as it is; ask again')
      end
      vim.lsp.util.apply_text_edits({ made.edit }, buffer, client.offset_encoding)
    end)
  end, buffer)
end

--- Edit a range of a document; without an instruction, ask the user for one.
---@param client vim.lsp.Client
---@param uri string
---@param range lsp.Range
---@param instruction? string
function M.ask(client, uri, range, instruction)
  if instruction and instruction ~= '' then
    return edit(client, uri, range, instruction)
  end
  vim.ui.input({ prompt = 'Edit by instruction: ' }, function(text)
    if text and vim.trim(text) ~= '' then
      edit(client, uri, range, text)
    end
  end)
end

--- Edit lines of this buffer, from 1, including the last one.
---@param first integer
---@param last integer
---@param instruction? string
function M.lines(first, last, instruction)
  local client = status.client()
  if not client then
    return warn('the server is not running in this buffer; see :checkhealth dgls')
  end
  local range = {
    start = { line = first - 1, character = 0 },
    ['end'] = { line = last, character = 0 },
  }
  M.ask(client, vim.uri_from_bufnr(0), range, instruction)
end

--- The handler of the code action's command.
---@param command lsp.Command
---@param context { client_id: integer }
function M.command(command, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  if client then
    M.ask(client, command.arguments[1], command.arguments[2])
  end
end

--- `:DglsEdit` edits the selected lines, `:DglsEdit add types` without asking.
function M.setup()
  vim.api.nvim_create_user_command('DglsEdit', function(given)
    M.lines(given.line1, given.line2, given.args)
  end, { range = true, nargs = '*', desc = 'dgls: edit lines by an instruction' })
end

return M
